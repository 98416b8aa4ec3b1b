// A client of the mediator in another language. It is given JSON {address, serial, object, writable, ca, cert, key}, the last three paths
// or absent, does everything once and prints JSON {deed: {code, details, reason, value}}.
const fs = require('fs')
const path = require('path')
const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const o = JSON.parse(process.argv[2])
const { simt_emlite } = grpc.loadPackageDefinition(loader.loadSync(path.join(__dirname, 'mediator.proto'), { keepCase: true }))
const services = simt_emlite.mediator.grpc

const pem = name => (name ? fs.readFileSync(name) : null)
const credentials = o.ca ? grpc.credentials.createSsl(pem(o.ca), pem(o.key), pem(o.cert)) : grpc.credentials.createInsecure()
const options = { 'grpc.ssl_target_name_override': 'cepro-mediators' }
const elements = new services.EmliteMediatorService(o.address, credentials, options)
const info = new services.InfoService(o.address, credentials, options)

// text of a payload, which is padded.
const text = bytes => bytes.toString('latin1').replace(/[\0 ]+$/, '')

const deadline = () => ({ deadline: Date.now() + 15000 })
const read = Buffer.from([1, o.object >> 16, (o.object >> 8) & 255, o.object & 255, 0])

// reason is what the ErrorInfo of the error's details says.
const reason = err => {
  const details = err.metadata && err.metadata.get('grpc-status-details-bin')[0]
  const found = details && /google\.rpc\.ErrorInfo[^A-Z]*([A-Z_]+)/.exec(details.toString('latin1'))
  return found ? found[1] : ''
}
const failed = err => ({ code: grpc.status[err.code], details: err.details, reason: reason(err) })
const done = value => ({ code: 'OK', value })

const unary = (client, method, request, value) => new Promise(resolve =>
  client[method](request, deadline(), (err, reply) => resolve(err ? failed(err) : done(value(reply)))))

const batch = items => new Promise(resolve => {
  const payloads = []
  const stream = elements.readBatch({ serial: o.serial, items }, deadline())
  stream.on('data', reply => payloads.push(text(reply.payload)))
  stream.on('error', err => resolve(failed(err)))
  stream.on('end', () => resolve(done(payloads.join(','))))
})

async function main () {
  const out = {
    read: await unary(elements, 'readElement', { serial: o.serial, objectId: o.object }, reply => text(reply.response)),
    unknown: await unary(elements, 'readElement', { serial: 'X', objectId: o.object }, reply => text(reply.response)),
    unnamed: await unary(elements, 'readElement', { objectId: o.object }, reply => text(reply.response)),
    batch: await batch([{ objectId: o.object }, { objectId: o.object }]),
    rawbatch: await batch([{ objectId: o.object }, { dataField: read }]),
    raw: await unary(elements, 'sendRawMessage', { serial: o.serial, dataField: read }, reply => text(reply.response).slice(4)),
    write: await unary(elements, 'writeElement', { serial: o.serial, objectId: o.writable }, () => ''),
    info: await unary(info, 'GetInfo', { serial: o.serial }, reply => JSON.parse(reply.json_data).registry.serial),
    meters: await unary(info, 'GetMeters', {}, reply => String(JSON.parse(reply.json_meters).length))
  }
  elements.close()
  info.close()
  console.log(JSON.stringify(out))
}

main()

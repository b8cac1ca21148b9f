import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import type { Answer, Contract, Parameter } from './contract.ts'
import type { Attempt, Part } from './generate.ts'

/** A request whose parts are all known. */
interface Sent {
  path: Record<string, string>
  query: [name: string, value: string][]
  headers: [name: string, value: string][]
}
export interface Client {
  /** Sends it, and says what the document does not allow of what came of it. */
  attempt(attempt: Attempt): Promise<{ answer: Answer; breaches: string[] }>
  close(): void
}

/** Most ids and tags that are remembered of each kind: newer ones take the place of older ones. */
const knownMax = 200

/** Sends generated requests to a running API, and learns from answers the ids and tags that requests need; `given` are some to begin with. */
export function createClient(contract: Contract, base: string, given: Record<string, string[]>): Client {
  const { hostname, port } = new URL(base)
  const agent = new Agent({ keepAlive: true, maxSockets: 50 })
  const known: Record<string, string[]> = { ...given }
  const learn = (kind: string, value: unknown) => {
    if (typeof value === 'string') known[kind] = [value, ...(known[kind] ?? [])].slice(0, knownMax)
  }
  const fill = (part: Part): string => {
    if (typeof part === 'string') return part
    const values = known[part.known] ?? []
    return values[part.at % Math.max(1, values.length)] ?? '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f'
  }
  return {
    async attempt({ operation, path, query, headers, body }) {
      const sent: Sent = {
        path: Object.fromEntries(Object.entries(path).map(([name, part]) => [name, fill(part)])),
        query: query.map(([name, part]) => [name, fill(part)]),
        headers: headers.map(([name, part]) => [name, fill(part)]),
      }
      const to = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encode(sent.path[name] ?? ''))
      const search = sent.query.map((pair) => pair.map(encode).join('=')).join('&')
      const options = {
        hostname,
        port,
        agent,
        method: operation.method,
        path: search === '' ? to : `${to}?${search}`,
        headers: {
          ...Object.fromEntries(sent.headers),
          ...(body?.type === undefined ? {} : { 'content-type': body.type }),
          ...(body === undefined ? {} : { 'content-length': body.bytes.length }),
        },
      }
      const answer = await exchange(options, body?.bytes)
      const text = answer.headers['content-type']?.startsWith('application/json') ? answer.text : '{}'
      const said = safely(text)
      learn('id', said['order_id'])
      learn('bulk', said['bulk_id'])
      learn('etag', answer.headers['etag'])
      learn('cursor', said['next_cursor'])
      learn('job', /^\/api\/admin\/jobs\/(.+)$/.exec(answer.headers['location'] ?? '')?.[1])

      const breaches = contract.breaches(operation, answer)
      if (answer.status >= 500) breaches.push('an error of the server')
      const isDone = answer.status >= 200 && answer.status < 300
      if (isDone) breaches.push(...wrongIn(contract, operation.parameters, sent).map((wrong) => `accepted: ${wrong}`))
      const schema = operation.bodies[body?.type ?? '']?.schema
      if (isDone && schema !== undefined && body?.value !== undefined)
        breaches.push(...contract.faults(schema, body.value.of).map((fault) => `accepted, and the body: ${fault}`))
      return { answer, breaches }
    },
    close: () => agent.destroy(),
  }
}

/** What of a request's path and query the document does not allow. */
function wrongIn(contract: Contract, parameters: Parameter[], { path, query }: Sent): string[] {
  const given = [...Object.entries(path), ...query]
  return given.flatMap(([name, text], at) => {
    const parameter = parameters.find((one) => one.name === name && one.in !== 'header')
    if (parameter === undefined) return [`the parameter ${name} is unknown`]
    if (given.findIndex(([other]) => other === name) !== at) return [`the parameter ${name} was sent twice`]
    const isNumber = /^(integer|number)$/.test(String(parameter.schema['type'])) && /^-?\d+(\.\d+)?$/.test(text)
    return contract.faults(parameter.schema, isNumber ? Number(text) : text).map((fault) => `${name}=${text}${fault}`)
  })
}

/** Percent-encodes UTF-8, whatever the text; what is nothing but a percent sign and digits goes as it is. */
const encode = (text: string): string =>
  /^%[\w%]*$/.test(text)
    ? text
    : Array.from(Buffer.from(text), (byte) =>
        /[\w.~-]/.test(String.fromCharCode(byte))
          ? String.fromCharCode(byte)
          : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
      ).join('')

function safely(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function exchange(options: RequestOptions, body: Uint8Array | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sending = request(options, (response: IncomingMessage) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(headers), text })
      })
    })
    sending.on('error', reject)
    sending.end(body)
  })
}

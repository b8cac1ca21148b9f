import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

type Json = Record<string, unknown>

/** A parameter of a call, as the document has it. */
export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  schema: Json
  example?: unknown
}
interface Media {
  schema: Json
  examples?: Record<string, { value: unknown }>
}
export interface ResponseDoc {
  description: string
  headers: Record<string, { required?: boolean; schema: Json }>
  content?: Record<string, Media>
}
/** A call, as the document has it, references resolved but for those inside schemas. */
export interface Operation {
  id: string
  method: string
  path: string
  tags: string[]
  security?: unknown[]
  parameters: Parameter[]
  bodies: Record<string, Media>
  responses: Record<string, ResponseDoc>
}
/** What was answered to a call. */
export interface Answer {
  status: number
  headers: Record<string, string>
  text: string
}
export interface Contract {
  operations: Operation[]
  resolve(schema: Json): Json
  /** Whether a value is what a schema of the document asks for, and what is wrong with it. */
  faults(schema: Json, value: unknown): string[]
  /** What of an answer the document does not allow. */
  breaches(operation: Operation, answer: Answer): string[]
}

/** Headers of HTTP itself, which no document lists (RFC 9110, RFC 9112), and those that keep answers out of caches. */
const ofHttp = new Set(
  'date connection keep-alive content-type content-length content-encoding transfer-encoding vary cache-control pragma expires surrogate-control'.split(
    ' ',
  ),
)

/** Reads an OpenAPI 3.1 document as what clients may rely on. @throws Error if a reference leads nowhere */
export function readContract(document: object): Contract {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema({ $id: 'api', ...document })
  const compiled = new Map<Json, ValidateFunction>()
  const resolve = (node: Json): Json => {
    const { $ref } = node
    if (typeof $ref !== 'string') return node
    const found = $ref
      .slice(2)
      .split('/')
      .reduce<unknown>((at, key) => (at as Json)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document)
    if (found === undefined) throw new Error(`${$ref} leads nowhere`)
    return resolve(found as Json)
  }
  const faults = (schema: Json, value: unknown): string[] => {
    const check = compiled.get(schema) ?? ajv.compile(rebased(schema))
    compiled.set(schema, check)
    check(value)
    return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  }
  const operations = Object.entries((document as { paths: Record<string, Json> }).paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, one]) => operationOf(method, path, one as Json, resolve)),
  )
  return { operations, resolve, faults, breaches: (operation, answer) => breachesOf(operation, answer, faults) }
}

/** A schema whose references lead into the document. */
const rebased = (schema: Json): Json =>
  JSON.parse(JSON.stringify(schema), (key, value) => (key === '$ref' ? `api${String(value)}` : value)) as Json

function operationOf(method: string, path: string, one: Json, resolve: (node: Json) => Json): Operation {
  const {
    parameters = [],
    requestBody,
    responses,
  } = one as {
    parameters?: Json[]
    requestBody?: { content: Record<string, Media> }
    responses: Record<string, Json>
  }
  const readResponse = (response: Json): ResponseDoc => {
    const { headers = {}, ...rest } = resolve(response) as unknown as ResponseDoc
    const lower = Object.entries(headers).map(([name, header]) => [name.toLowerCase(), resolve(header as Json)])
    return { ...rest, headers: Object.fromEntries(lower) as ResponseDoc['headers'] }
  }
  return {
    ...(one['security'] === undefined ? {} : { security: one['security'] as unknown[] }),
    id: String(one['operationId']),
    method: method.toUpperCase(),
    path,
    tags: (one['tags'] ?? []) as string[],
    parameters: parameters.map((parameter) => resolve(parameter) as unknown as Parameter),
    bodies: requestBody?.content ?? {},
    responses: Object.fromEntries(Object.entries(responses).map(([status, one]) => [status, readResponse(one)])),
  }
}

function breachesOf(operation: Operation, answer: Answer, faults: Contract['faults']): string[] {
  const response = operation.responses[answer.status]
  if (response === undefined) return [`the status ${answer.status} is not documented`]
  const said: string[] = []
  for (const [name, { required, schema }] of Object.entries(response.headers)) {
    const value = answer.headers[name]
    if (value === undefined && required === true) said.push(`the header ${name} is missing`)
    if (value === undefined) continue
    const read = ['integer', 'number'].includes(String(schema['type'])) ? Number(value) : value
    said.push(...faults(schema, read).map((fault) => `the header ${name}: ${value} ${fault}`))
  }
  for (const name of Object.keys(answer.headers))
    if (response.headers[name] === undefined && !ofHttp.has(name)) said.push(`the header ${name} is not documented`)
  if (response.content === undefined) return answer.text === '' ? said : [...said, 'a body is not documented']
  const type = (answer.headers['content-type'] ?? 'none').split(';')[0] ?? ''
  const media = response.content[type]
  if (media === undefined) return [...said, `the content type ${type} is not documented`]
  const body = type.endsWith('json') ? parsed(answer.text) : { value: answer.text }
  if (body === undefined) return [...said, 'the body is not JSON']
  return [...said, ...faults(media.schema, body.value).map((fault) => `the body: ${fault}`)]
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

import { carriedAlways, headerRef, headers, parameters, problemName, problemResponses } from './common.ts'
import { hoistSchemas } from './hoist.ts'

interface Media {
  schema?: Record<string, unknown>
  example?: unknown
  examples?: Record<string, { value: unknown }>
}
interface Response {
  description?: string
  headers?: Record<string, unknown>
  content?: Record<string, Media>
}
interface Parameter {
  name?: string
  in?: string
  $ref?: string
}
interface Operation {
  parameters?: Parameter[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, Response | { $ref: string }>
}
interface Document {
  components?: object | undefined
  paths?: object | undefined
}

/** Statuses that every call may answer; and those of calls that take a body, whether they use it or not. */
const always = [400, 408, 429, 431, 500, 503]
const withBody = [413, 415, 422]

/**
 * Finishes the document that was made from the routes: what all calls have in common is said on each of them, and what several say
 * alike is said once, under components.
 * @throws Error if a route names a header or a status that is not described, or two schemas have one name
 */
export function finishDocument<D extends Document>(document: D): D {
  const paths = Object.entries(document.paths ?? {}).map(([path, item]) => {
    const operations = Object.entries(item as Record<string, Operation>)
    return [path, Object.fromEntries(operations.map(([method, one]) => [method, finishOperation(method, one)]))]
  })
  const { schemas, hoisted } = hoistSchemas(Object.fromEntries(paths))
  return {
    ...document,
    paths: hoisted,
    components: {
      ...document.components,
      schemas,
      parameters: Object.fromEntries(
        Object.entries(parameters).map(([name, one]) => [name, { in: 'header', required: false, ...one }]),
      ),
      headers,
      responses: problemResponses,
    },
  }
}

function finishOperation(method: string, operation: Operation): Operation {
  const wanted = [...always, ...(method === 'get' ? [] : withBody)]
  const responses = Object.entries(operation.responses).map(([status, one]) => [status, finishResponse(status, one)])
  const missing = wanted.filter((status) => operation.responses[status] === undefined)
  return {
    ...operation,
    parameters: [...(operation.parameters ?? []).map(finishParameter), parameterRef('CorrelationId')],
    ...(operation.requestBody === undefined
      ? {}
      : { requestBody: { ...operation.requestBody, content: finishContent(operation.requestBody.content) } }),
    responses: Object.fromEntries([...responses, ...missing.map((status) => [status, problemRef(status)])]),
  }
}

const parameterRef = (name: string) => ({ $ref: `#/components/parameters/${name}` })
const problemRef = (status: number) => ({ $ref: `#/components/responses/${problemName(status)}` })

function finishParameter(parameter: Parameter): Parameter {
  if (parameter.in !== 'header') return parameter
  const found = Object.entries(parameters).find(([, { name }]) => name.toLowerCase() === parameter.name?.toLowerCase())
  if (found === undefined) throw new Error(`the header parameter ${parameter.name} is not described`)
  return parameterRef(found[0])
}

function finishResponse(status: string, response: Response | { $ref: string }): Response | { $ref: string } {
  if ('$ref' in response) return response
  const carried = Object.keys(response.headers ?? {})
  const unknown = carried.find((name) => headers[name] === undefined)
  if (unknown !== undefined) throw new Error(`the header ${unknown} is not described`)
  const isProblem = response.content?.['application/problem+json'] !== undefined
  if (isProblem && carried.length === 0) return problemRef(Number(status))
  // A problem of this status may also come from before there was anything to say in these headers.
  const said = (name: string) =>
    isProblem && headers[name]?.required ? { ...headers[name], required: false } : headerRef(name)
  const always = carriedAlways.map((name) => [name, headerRef(name)])
  return {
    ...response,
    headers: Object.fromEntries([...always, ...carried.map((name) => [name, said(name)])]),
    ...(response.content === undefined ? {} : { content: finishContent(response.content) }),
  }
}

/** Examples stand beside the schema, under names, where tools look for them. */
function finishContent(content: Record<string, Media>): Record<string, Media> {
  const media = Object.entries(content).map(([type, { schema = {}, example, examples: named }]) => {
    const { examples = [], ...rest } = schema as { examples?: unknown[] }
    const values = [
      ...(example === undefined ? examples : [example]),
      ...Object.values(named ?? {}).map(({ value }) => value),
    ]
    const examplesByName = Object.fromEntries(values.map((value, at) => [`example${at + 1}`, { value }]))
    return [type, { schema: rest, ...(values.length === 0 ? {} : { examples: examplesByName }) }]
  })
  return Object.fromEntries(media)
}

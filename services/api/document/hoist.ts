import { isDeepStrictEqual } from 'node:util'

type Schemas = Record<string, unknown>

/**
 * Puts every schema that has a title under that name, and a reference in its place. Examples of titled schemas are left out where
 * they stand inside others: they stand beside the schema already.
 * @throws Error if two schemas of one title differ
 */
export function hoistSchemas(paths: unknown): { schemas: Schemas; hoisted: Record<string, object> } {
  const schemas: Schemas = {}
  const walk = (node: unknown, isData: boolean): unknown => {
    if (node === null || typeof node !== 'object') return node
    if (Array.isArray(node)) return node.map((one) => walk(one, isData))
    const entries = Object.entries(node).map(([key, value]): [string, unknown] => {
      // Examples hold data, which may have titles of its own.
      return [key, walk(value, isData || key === 'examples' || key === 'example' || key === 'default')]
    })
    const walked: Record<string, unknown> = Object.fromEntries(entries)
    if (isData) return walked
    if (Array.isArray(walked.enum) && walked.type === undefined && walked.enum.every((one) => typeof one === 'string'))
      walked.type = 'string'
    const { title, ...schema } = walked
    if (typeof title !== 'string') return walked
    delete schema.examples
    const known = schemas[title]
    if (known !== undefined && !isDeepStrictEqual(known, schema)) throw new Error(`two schemas are called ${title}`)
    schemas[title] = schema
    return { $ref: `#/components/schemas/${title}` }
  }
  const hoisted = walk(paths, false) as Record<string, object>
  return { schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))), hoisted }
}

import { Invalid, pointer } from '@ordermill/model'
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

/** Reads bodies of a schema that says every rule by itself. @throws Invalid with every fault */
export function bodyReader<T extends TSchema>(schema: T): (body: unknown) => Static<T> {
  const checker = Compile(schema)
  return (body) => {
    if (checker.Check(body)) return body as Static<T>
    const faults = checker.Errors(body ?? null).map(({ instancePath, keyword, message, params }) => {
      const { requiredProperties, additionalProperties } = params as Record<string, string[] | undefined>
      const [member] = requiredProperties ?? additionalProperties ?? []
      return { pointer: instancePath + (member === undefined ? '' : pointer(member)), code: keyword, detail: message }
    })
    throw new Invalid(faults)
  }
}

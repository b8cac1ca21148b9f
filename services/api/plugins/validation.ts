import { type Fault, Invalid } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

/**
 * Validates paths, queries and headers by their schemas; texts become numbers and booleans where a schema asks for them.
 * Bodies are validated where they are read, by the collection: its schema alone cannot say every rule.
 */
export function validationPlugin(app: FastifyInstance): void {
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) => {
    if (httpPart === 'body') return () => true
    const checker = Compile(schema)
    return (data: unknown) => {
      const value = checker.Convert(data)
      if (checker.Check(value)) return { value }
      return { error: new Invalid(checker.Errors(value).map((error) => faultOf(error))) }
    }
  })
  // Faults of parameters have no place in a body: they say `parameter` through their pointer.
  app.setSchemaErrorFormatter((errors) => errors as unknown as Error)
}

function faultOf(error: { instancePath: string; keyword: string; message: string; params: object }): Fault {
  const { requiredProperties, additionalProperties } = error.params as Record<string, unknown>
  const named = [requiredProperties, additionalProperties].flat().find((name) => typeof name === 'string')
  const pointer = named === undefined ? error.instancePath : `${error.instancePath}/${String(named)}`
  return { pointer, code: error.keyword, detail: error.message }
}

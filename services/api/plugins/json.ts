import { isUtf8 } from 'node:buffer'
import { Invalid, Refused } from '@ordermill/model'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { countMembers, lostInReading, mayRepeat } from '../json-scan.ts'

/** Numbers this long may say more than a JSON number holds. Also found in strings: then the slow look finds nothing. */
const longNumber = /\d[\d.eE+-]{15,}/
/** Nothing that is sent here is nested half as deep; what walks through a body must not run out of stack. */
const depthMax = 16

/**
 * Reads JSON bodies: strict UTF-8 (RFC 8259 section 8.1), no number that would be changed by reading it, no member that is
 * named twice, not deeper than anything here is.
 */
export function jsonPlugin(app: FastifyInstance): void {
  app.removeContentTypeParser(['text/plain', 'application/json'])
  const types = ['application/json', 'application/merge-patch+json']
  app.addContentTypeParser<Buffer>(types, { parseAs: 'buffer' }, (request, body, done) => {
    try {
      done(null, parseJson(body, request))
    } catch (thrown) {
      done(thrown as Error)
    }
  })
}

/** @throws Refused `malformed`, `wrong-content-encoding` | Invalid */
function parseJson(bytes: Buffer, { headers }: FastifyRequest): unknown {
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity')
    throw new Refused('wrong-content-encoding', 'The body must not be compressed.')
  if (!isUtf8(bytes)) throw new Refused('malformed', 'The body is not valid UTF-8.')
  const text = bytes.toString()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Refused('malformed', text.trim() === '' ? 'The body is empty.' : 'The body is not valid JSON.', { cause })
  }
  const members = countMembers(value, depthMax)
  if (members < 0) throw new Refused('malformed', `The body is nested deeper than ${depthMax} levels.`)
  if (longNumber.test(text) || mayRepeat(text, members)) {
    const faults = lostInReading(text)
    if (faults.length > 0) throw new Invalid(faults)
  }
  return value
}

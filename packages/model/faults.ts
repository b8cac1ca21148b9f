/** One thing wrong with an input: where (an RFC 6901 JSON pointer, '' for the whole), which rule, and what it asks for. */
export interface Fault {
  pointer: string
  code: string
  detail: string
}

/** The JSON pointer of a member, escaped by RFC 6901 section 3. */
export function pointer(...path: (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

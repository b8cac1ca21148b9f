/**
 * Which paths of the repository (with `/`, relative to it) an image may be made of, by the rules of a .dockerignore:
 * a pattern covers what it matches and all below it, `!` takes back, the last one that matches decides.
 */
export function includedBy(dockerignore: string): (path: string) => boolean {
  const rules = dockerignore
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ included: line.startsWith('!'), expression: expressionOf(line.replace(/^!/, '')) }))
  return (path) => rules.findLast(({ expression }) => expression.test(path))?.included ?? true
}

function expressionOf(pattern: string): RegExp {
  const source = pattern
    .split(/(\*\*\/|\*)/)
    .map((part) => {
      if (part === '**/') return '(?:.*/)?'
      return part === '*' ? '[^/]*' : part.replaceAll(/[.+^${}()|[\]\\?]/g, '\\$&')
    })
    .join('')
  return new RegExp(`^${source}(?:/|$)`)
}

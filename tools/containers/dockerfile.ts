/** One instruction: its name in capitals, its `--flags`, and the rest of its line. */
export interface Instruction {
  name: string
  flags: Map<string, string>
  rest: string
}

/** What stands between one FROM and the next. */
export interface Stage {
  image: string
  name: string | undefined
  instructions: Instruction[]
}

const known = ['FROM', 'ENV', 'WORKDIR', 'COPY', 'RUN', 'USER', 'EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT']

/**
 * Reads the part of the Dockerfile language that ours use.
 * @throws Error on any instruction beyond it, so that nothing in a Dockerfile is passed over in silence
 */
export function parseDockerfile(text: string): Stage[] {
  const stages: Stage[] = []
  for (const line of logicalLines(text)) {
    const instruction = parseInstruction(line)
    if (instruction.name === 'FROM') {
      const [, image = '', , name] = /^(\S+)(\s+AS\s+(\S+))?$/.exec(instruction.rest) ?? []
      stages.push({ image, name, instructions: [] })
      continue
    }
    const stage = stages.at(-1)
    if (stage === undefined) throw new Error(`before any FROM: ${line}`)
    stage.instructions.push(instruction)
  }
  return stages
}

/** The words of an exec form. @throws Error if it is another form */
export function execForm(text: string): string[] {
  const words: unknown = JSON.parse(text)
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string'))
    throw new Error(`no exec form: ${text}`)
  return words
}

/** The variables of an ENV. @throws Error on values that would need quotes */
export function variablesOf(text: string): Record<string, string> {
  const pairs = text.split(/\s+/).map((pair) => /^([A-Z_]+)=([\w./-]*)$/.exec(pair))
  return Object.fromEntries(
    pairs.map((match) => {
      if (match === null) throw new Error(`not plain NAME=value: ${text}`)
      return [match[1] ?? '', match[2] ?? '']
    }),
  )
}

function logicalLines(text: string): string[] {
  const kept = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line))
  return kept
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.trim())
}

function parseInstruction(line: string): Instruction {
  const [, name = '', tail = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
  if (!known.includes(name)) throw new Error(`not known here: ${line}`)
  const flags = new Map<string, string>()
  let rest = tail
  for (let match = flagAt(rest); match !== null; match = flagAt(rest)) {
    flags.set(match[1] ?? '', match[2] ?? '')
    rest = rest.slice(match[0].length)
  }
  return { name, flags, rest }
}

const flagAt = (text: string) => /^--([a-z-]+)=(\S+)\s+/.exec(text)

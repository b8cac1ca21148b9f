/** What `node --cpu-prof` writes, as far as it is read here. */
export interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
}

interface Frame {
  name: string
  place: string
  /** Microseconds here, and here and below. */
  self: number
  total: number
  children: Frame[]
}

/** What is not the program's work: time in which it had nothing to do, and its end, in which the profile itself is written. */
const waiting = new Set(['(idle)', '(program)', 'reallyExit'])

/** The tree of calls with their times, without those in which nothing ran. */
export function callTree({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const self = new Map<number, number>()
  for (const [at, id] of samples.entries()) self.set(id, (self.get(id) ?? 0) + Math.max(0, timeDeltas[at] ?? 0))
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const frame = (id: number): Frame => {
    const node = byId.get(id)
    const { functionName = '', url = '', lineNumber = 0 } = node?.callFrame ?? {}
    const all = (node?.children ?? []).map(frame).filter(({ name }) => !waiting.has(name))
    const children = all.filter(({ total }) => total > 0).sort((a, b) => b.total - a.total)
    const own = self.get(id) ?? 0
    const total = own + children.reduce((sum, child) => sum + child.total, 0)
    return { name: functionName || '(anonymous)', place: placeOf(url, lineNumber), self: own, total, children }
  }
  return frame(nodes[0]?.id ?? 0)
}

/** Where a function is: from the package or the repository on, without what stands before them on this machine. */
function placeOf(url: string, line: number): string {
  if (url === '') return ''
  const path = url.replace(/^.*\/node_modules\//, '').replace(/^file:\/\/.*\/(?=(?:packages|services|bench)\/)/, '')
  return `${path}:${line + 1}`
}

/** Part of the program that a place belongs to: a package, a part of ours, or Node. */
function partOf({ name, place }: Frame): string {
  if (place.startsWith('node:')) return 'node'
  if (place === '') return name.startsWith('(garbage') ? 'garbage collection' : 'native'
  const [first = '', second = ''] = place.split('/')
  return first.startsWith('@') || first === 'packages' || first === 'services' ? `${first}/${second}` : first
}

/** The parts and the functions that took most time themselves, as text. */
export function hottest(profile: CpuProfile, most = 15): string {
  const root = callTree(profile)
  const parts = new Map<string, number>()
  const functions = new Map<string, number>()
  const add = (to: Map<string, number>, key: string, value: number) => to.set(key, (to.get(key) ?? 0) + value)
  const visit = (frame: Frame) => {
    add(parts, partOf(frame), frame.self)
    add(functions, `${frame.name}  ${frame.place}`, frame.self)
    frame.children.forEach(visit)
  }
  visit(root)
  const table = (of: Map<string, number>) =>
    [...of]
      .sort(([, a], [, b]) => b - a)
      .slice(0, most)
      .map(([name, self]) => `${((self / root.total) * 100).toFixed(1).padStart(6)} %  ${name}`)
      .join('\n')
  return `CPU by part:\n${table(parts)}\n\nCPU by function (itself):\n${table(functions)}`
}

const [width, height, smallest_px] = [1_400, 17, 0.5]

/** A flame graph as a page of its own: callers below, what they call above; hovering tells time and place. */
export function flameGraph(profile: CpuProfile, title: string): string {
  const root = callTree(profile)
  const boxes: { x: number; depth: number; w: number; frame: Frame }[] = []
  const lay = (frame: Frame, x: number, depth: number) => {
    const w = (frame.total / root.total) * width
    if (w < smallest_px) return
    boxes.push({ x, depth, w, frame })
    let at = x
    for (const child of frame.children) {
      lay(child, at, depth + 1)
      at += (child.total / root.total) * width
    }
  }
  lay(root, 0, 0)
  const tall = (boxes.reduce((deepest, { depth }) => Math.max(deepest, depth), 0) + 1) * height
  const drawn = boxes.map(({ x, depth, w, frame }) => {
    const y = tall - (depth + 1) * height
    const said = `${frame.name} ${frame.place} · ${(frame.total / 1_000).toFixed(1)} ms, ${((frame.total / root.total) * 100).toFixed(1)} %`
    const label =
      w < 30
        ? ''
        : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(frame.name.slice(0, Math.floor(w / 6.5)))}</text>`
    return `<g><title>${escaped(said)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${w.toFixed(1)}" height="${height - 1}" fill="${colourOf(partOf(frame))}"/>${label}</g>`
  })
  return `<!doctype html><meta charset="utf-8"><title>${escaped(title)}</title>
<style>body{font:14px sans-serif;margin:1em}text{font:11px monospace;pointer-events:none}rect:hover{stroke:#000}</style>
<h1>${escaped(title)}</h1><pre>${escaped(hottest(profile))}</pre>
<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${tall}">${drawn.join('\n')}</svg>
`
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/** The same part, the same colour. */
function colourOf(part: string): string {
  let sum = 0
  for (const letter of part) sum = (sum * 31 + letter.charCodeAt(0)) % 360
  return `hsl(${sum} 70% 70%)`
}

/**
 * Says whether something that happens again and again should be told now: how many times it was not, since it last was;
 * undefined: not now. For few different `what`s.
 */
export function sparingly(every_ms: number, now: () => number = () => performance.now()) {
  const told = new Map<string, { at: number; leftOut: number }>()
  return (what: string): number | undefined => {
    const before = told.get(what)
    if (before !== undefined && now() - before.at < every_ms) {
      before.leftOut += 1
      return undefined
    }
    told.set(what, { at: now(), leftOut: 0 })
    return before?.leftOut ?? 0
  }
}

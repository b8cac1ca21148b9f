/**
 * Reads tap's raw output line by line, says in brief how each file went, shows what failed in full, and counts.
 * A test is what a file itself calls one (the first level below the file). A file that fails without any failed test
 * in it, because it crashed or ran out of time, counts as one failed test; skipped and planned ones count as neither.
 */
export class TestReport {
  passed = 0
  failed = 0
  readonly #print: (line: string) => void
  #failedInFile = 0
  #passedInFile = 0
  /** Names of the enclosing tests, outermost first. */
  #path: string[] = []
  /** The indent of the YAML block being read, and whether it is shown. */
  #block: { indent: number; shown: boolean } | undefined
  #afterFailure = false
  /** How deep the last failure stood: those around it only repeat it. */
  #failedDepth = 0

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  /** Takes the next line. */
  read(line: string): void {
    if (this.#inBlock(line)) return
    const subtest = /^( *)# Subtest: (.*)$/.exec(line)
    if (subtest) {
      this.#path[depthOf(subtest[1] ?? '')] = subtest[2] ?? ''
      return
    }
    const point = /^( *)(not )?ok \d+(?: - )?(.*?)(?: # (SKIP|TODO|time=).*?)?(?: \{)?$/i.exec(line)
    if (point) {
      const [, indent = '', not, name = '', directive = ''] = point
      const planned = /skip|todo/i.test(directive)
      this.#point(depthOf(indent), { ok: not === undefined || planned, planned, name, line })
      return
    }
    if (!/^\s*(#|\d+\.\.\d+|\}?$|TAP version)/.test(line)) this.#print(line.replace(/^ {4}/, ''))
  }

  #point(
    depth: number,
    { ok, planned, name, line }: { ok: boolean; planned: boolean; name: string; line: string },
  ): void {
    this.#afterFailure = !ok && this.#failedDepth <= depth
    if (!ok) this.#failedDepth = depth
    if (this.#afterFailure) this.#print(`not ok: ${[...this.#path.slice(0, depth), name].join(' > ')}`)
    this.#path.length = depth
    if (depth === 0) this.#file(ok, name, line)
    else if (depth === 1 && ok && !planned) this.#passedInFile++
    else if (depth === 1 && !ok) this.#failedInFile++
  }

  #file(ok: boolean, name: string, line: string): void {
    const crashed = !ok && this.#failedInFile === 0
    const time = /# time=([\d.]+)(ms|s|m)/.exec(line)
    const took = time ? ` (${time[1]} ${time[2]})` : ''
    this.#print(
      `${ok ? 'ok    ' : 'FAILED'} ${name}: ${this.#passedInFile} passed, ${this.#failedInFile} failed${took}`,
    )
    this.passed += this.#passedInFile
    this.failed += this.#failedInFile + (crashed ? 1 : 0)
    this.#passedInFile = 0
    this.#failedInFile = 0
  }

  #inBlock(line: string): boolean {
    const fence = /^( *)(---|\.\.\.)$/.exec(line)
    const indent = fence?.[1]?.length ?? 0
    if (this.#block === undefined) {
      if (fence?.[2] !== '---') return false
      this.#block = { indent, shown: this.#afterFailure }
      return true
    }
    if (fence?.[2] === '...' && indent === this.#block.indent) this.#block = undefined
    else if (this.#block.shown) this.#print(line.slice(Math.max(0, this.#block.indent - 2)))
    return true
  }
}

function depthOf(indent: string): number {
  return Math.floor(indent.length / 4)
}

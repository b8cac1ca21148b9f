/** A bar that redraws itself on a terminal; elsewhere a plain line every few seconds. */
export class Progress {
  readonly #out: NodeJS.WriteStream
  readonly #title: string
  readonly #total: number
  #shownAt = Number.NEGATIVE_INFINITY
  #last = -1

  constructor(out: NodeJS.WriteStream, title: string, total: number) {
    this.#out = out
    this.#title = title
    this.#total = total
  }

  /** Shows how far it is, if that is due. */
  show(done: number): void {
    const everyMs = this.#out.isTTY ? 100 : 2_000
    if (performance.now() - this.#shownAt < everyMs || done === this.#last) return
    this.#draw(done)
  }

  /** Shows the last state and leaves it standing. */
  finish(done: number): void {
    if (this.#out.isTTY || done !== this.#last) this.#draw(done)
    if (this.#out.isTTY) this.#out.write('\n')
  }

  #draw(done: number): void {
    this.#shownAt = performance.now()
    this.#last = done
    const share = this.#total === 0 ? 1 : done / this.#total
    const count = `${done.toLocaleString('en')} of ${this.#total.toLocaleString('en')}`
    if (!this.#out.isTTY) {
      this.#out.write(`${this.#title}: ${count}\n`)
      return
    }
    const width = 30
    const full = Math.floor(share * width)
    this.#out.write(`\r\x1b[K${this.#title.padEnd(10)} ${'█'.repeat(full)}${'░'.repeat(width - full)} ${count}`)
  }
}

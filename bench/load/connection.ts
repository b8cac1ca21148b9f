import { connect, type Socket } from 'node:net'

/** Told of an answer: its status (0: the connection broke), and ways to read what follows the headers, and whether a line is among those. */
export type OnAnswer = (status: number, body: () => string, hasHeader: (line: string) => boolean) => void

/**
 * One HTTP/1.1 connection that keeps alive, one request at a time. It reads a status line and a length and nothing else, so that on
 * a machine of few cores the load takes as little as possible from what is measured. Servers here answer with Content-Length.
 */
export class Connection {
  readonly #host: string
  readonly #port: number
  #socket: Socket | undefined
  #onAnswer: OnAnswer | undefined
  #pending: Buffer | undefined
  #closed = false

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#host = hostname
    this.#port = Number(port)
  }

  /** Sends one request; the one before must have been answered. */
  send(request: Buffer, onAnswer: OnAnswer): void {
    this.#onAnswer = onAnswer
    const socket = this.#socket ?? this.#open()
    socket.write(request)
  }

  close(): void {
    this.#closed = true
    this.#socket?.destroy()
  }

  #open(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true })
    this.#socket = socket
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', () => undefined) // 'close' follows
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      this.#pending = undefined
      if (!this.#closed) this.#answer(0, Buffer.alloc(0), 0)
    })
    return socket
  }

  #read(chunk: Buffer): void {
    const all = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk])
    const headEnd = all.indexOf('\r\n\r\n')
    if (headEnd < 0) {
      this.#pending = all
      return
    }
    const head = all.toString('latin1', 0, headEnd)
    const status = Number(head.slice(9, 12))
    const length = status === 304 || status === 204 ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (all.length < headEnd + 4 + length) {
      this.#pending = all
      return
    }
    this.#pending = undefined
    this.#answer(status, all, headEnd + 4)
  }

  #answer(status: number, all: Buffer, from: number): void {
    const onAnswer = this.#onAnswer
    this.#onAnswer = undefined
    onAnswer?.(
      status,
      () => all.toString('utf8', from),
      (line) => all.subarray(0, from).includes(`\r\n${line}\r\n`),
    )
  }
}

import { serveAccept } from './http.ts'
import type { Floor } from './index.ts'

/** Checks the order and answers: what HTTP and the schema cost. It keeps nothing. */
export const acceptBare = (): Promise<Floor> =>
  serveAccept(
    async () => undefined,
    async () => undefined,
  )

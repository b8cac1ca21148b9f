import compress from '@fastify/compress'
import type { Surroundings } from '../parts.ts'

/** Smaller answers are sent as they are: they fit one packet. */
const threshold_bytes = 1_024

/** Compresses answers where it is configured. Register before the routes. */
export async function compressionPlugin({ app, options }: Surroundings): Promise<void> {
  if (options.COMPRESSION === 'off') return
  // One record carries a strong ETag, and that stands for bytes (RFC 9110 section 8.8.1): those stay what they are.
  app.addHook('onRoute', (route) => {
    if (route.url.endsWith('/:id')) route.compress = false
  })
  await app.register(compress, { threshold: threshold_bytes, encodings: ['br', 'gzip'], globalDecompression: false })
}

import type { Collection } from '../collection.ts'
import { orders } from './orders.ts'

/** Every collection there is. */
export const collections: readonly Collection[] = [orders]

// Preloaded by `npm run chaos -- --mutations` (--import): this process runs the product without one of its guards.
import { loadEdited } from './edits.ts'
import { mutationOf } from './mutations.ts'

loadEdited([mutationOf(new URL(import.meta.url).searchParams.get('without') ?? '')])

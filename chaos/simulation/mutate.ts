import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Edit, type Mutation, mutations } from './mutations.ts'

const repository = join(import.meta.dirname, '../..')
const pathOf = ({ file }: Edit) => join(repository, file)
const editsOf = (mutation: Mutation): Edit[] => [mutation, ...(mutation.also ?? [])]

/** A source with the guard taken out. @throws Error unless the guard is found exactly once */
export function mutated(source: string, { file, search, replace }: Edit): string {
  const [before, after, ...more] = source.split(search)
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`${file} has ${more.length === 0 ? 'nothing' : 'more than one place'} like: ${search}`)
  return before + replace + after
}

/** @throws Error unless all that a mutation takes out is found exactly once */
export function checkFits(mutation: Mutation): void {
  for (const edit of editsOf(mutation)) mutated(readFileSync(pathOf(edit), 'utf8'), edit)
}

/** Makes this process load the product without a guard. To be called before any of it is imported. */
export function takeOut(without: string): void {
  const mutation = mutations.find((one) => one.without === without)
  if (mutation === undefined) throw new Error(`no guard is described as: ${without}`)
  const edits = Map.groupBy(editsOf(mutation), (edit) => pathToFileURL(pathOf(edit)).href)
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      const here = edits.get(url)
      return here === undefined ? loaded : { ...loaded, source: here.reduce(mutated, String(loaded.source)) }
    },
  })
}

import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A place in the product's source, and what is put there instead. */
export interface Edit {
  file: string
  /** Found exactly once in the file. */
  search: string
  replace: string
}

const repository = join(import.meta.dirname, '..')
const pathOf = ({ file }: Edit) => join(repository, file)

/** A source after an edit. @throws Error unless the place is found exactly once */
export function edited(source: string, { file, search, replace }: Edit): string {
  const [before, after, ...more] = source.split(search)
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`${file} has ${more.length === 0 ? 'nothing' : 'more than one place'} like: ${search}`)
  return before + replace + after
}

/** @throws Error unless every place is found exactly once */
export function checkFits(edits: Edit[]): void {
  for (const edit of edits) edited(readFileSync(pathOf(edit), 'utf8'), edit)
}

/** Makes this process load the product with these edits; no file changes. To be called before any of it is imported. */
export function loadEdited(edits: Edit[]): void {
  const byUrl = Map.groupBy(edits, (edit) => pathToFileURL(pathOf(edit)).href)
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      const here = byUrl.get(url)
      return here === undefined ? loaded : { ...loaded, source: here.reduce(edited, String(loaded.source)) }
    },
  })
}

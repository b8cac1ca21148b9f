import { Refused } from '@ordermill/model'

/** One thing wrong with a parameter of path, query or header: which one, which rule, and what it asks for. */
export interface ParameterFault {
  parameter: string
  code: string
  detail: string
}

/** Parameters that break their rules: all of them, not the first. */
export class InvalidParameters extends Refused {
  readonly faults: ParameterFault[]
  constructor(faults: ParameterFault[]) {
    super('invalid', faults.length === 1 ? 'A parameter is wrong.' : `${faults.length} parameters are wrong.`)
    this.faults = faults
  }
}

/** One wrong parameter. */
export const wrong = (parameter: string, code: string, detail: string): InvalidParameters =>
  new InvalidParameters([{ parameter, code, detail }])

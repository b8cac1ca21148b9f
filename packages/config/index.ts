/**
 * Configuration: the only reader of the environment. Every option is declared once, with its range, default and meaning;
 * a value that is missing or wrong stops the process before any connection, with all faults named at once.
 */
export { environment } from './environment.ts'
export { type Options, options } from './options.ts'
export { ConfigError, describeOptions, type OptionRow, readOptions } from './read.ts'
export { forTerminal, helpOf } from './terminal.ts'

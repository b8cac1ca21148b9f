/** A copy of the environment of this process, for who starts other processes or reads options from it. */
export const environment = (): Record<string, string | undefined> => ({ ...process.env })

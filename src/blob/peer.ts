/** Packages that only some need: they install them, and are told so when they are missing. */

/** @throws TypeError if the package is not there. */
export async function peer<T>(name: string, scheme: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new TypeError(`openBlobStore: ${scheme} needs the package "${name}": npm install ${name}`, {
      cause: error,
    })
  }
}

/** The program's version, as status pages and build information show it. */
export const VERSION = '0.1.0'

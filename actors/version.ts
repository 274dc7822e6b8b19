/** The program's version, as status pages and build information show it. */
export const VERSION = '0.1.0'
/** The Loki whose requests and answers these are. Clients that ask for Loki's version turn features off for older ones, so they are told this. */
export const LOKI_API_VERSION = '3.7.6'

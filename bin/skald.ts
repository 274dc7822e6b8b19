#!/usr/bin/env node
/**
 * The command line: finds the subcommand, runs it, exits with its code. Each subcommand is a file of `commands/`, loaded only when it is asked for.
 * Everything is imported after the compile cache is on, which takes a start from half a second to about a tenth.
 */
import { enableCompileCache } from 'node:module'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'

// What `skald.sh` says of the heap is for this thread; each worker thread would wait as long, and there are several. Compiled code is cached by flags.
setFlagsFromString('--initial-old-space-size=0')
const cache = path.resolve(import.meta.dirname, '..', '.compile-cache')
enableCompileCache(cache)
// Worker threads look here: with it none of them loads the type stripper, which is 30 MB each and most of their start.
process.env['NODE_COMPILE_CACHE'] ??= cache

// Whoever read us has seen enough (`skald query … | head`): no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

const { runCommandLine } = await import('./command-line.ts')
process.exitCode = await runCommandLine(process.argv.slice(2), { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, environment: process.env })

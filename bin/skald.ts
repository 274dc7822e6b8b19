#!/usr/bin/env node
/**
 * The command line: finds the subcommand, runs it, exits with its code. Each subcommand is a file of `commands/`, loaded only when it is asked for.
 * Everything is imported after the compile cache is on, which takes a start from half a second to about a tenth.
 */
import { enableCompileCache } from 'node:module'
import path from 'node:path'

enableCompileCache(path.resolve(import.meta.dirname, '..', '.compile-cache'))

const { runCommandLine } = await import('./command-line.ts')
process.exitCode = await runCommandLine(process.argv.slice(2), { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, environment: process.env })

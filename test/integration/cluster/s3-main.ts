/** An S3 server as a process of its own: prints the object store URL on its first line, ends with SIGTERM. Started by `topology.ts`. Its argument is the address to listen on. */
import { startS3 } from '../../support/s3.ts'

const server = await startS3('skald', process.argv[2])
console.log(server.url)
process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)))

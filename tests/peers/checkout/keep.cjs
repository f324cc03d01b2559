// Runs last, because checkout runs first: moves the job's folders to where the tests can look at them, before act
// deletes them.
const {mkdirSync, renameSync} = require('node:fs')

const {PEER_KEEP, GITHUB_JOB, GITHUB_WORKSPACE, RUNNER_TEMP} = process.env
mkdirSync(`${PEER_KEEP}/${GITHUB_JOB}`, {recursive: true})
for (const [folder, name] of [[GITHUB_WORKSPACE, 'workspace'], [RUNNER_TEMP, 'temp']]) {
  renameSync(folder, `${PEER_KEEP}/${GITHUB_JOB}/${name}`)
  mkdirSync(folder)
}

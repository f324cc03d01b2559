// A double of actions/upload-artifact: the same search for files, the same client, and no input that we don't use.
import {stat} from 'node:fs/promises'
import path from 'node:path'

import {ArtifactNotFoundError, DefaultArtifactClient} from '@actions/artifact'
import * as core from '@actions/core'
import * as glob from '@actions/glob'

const KNOWN = [
  'name',
  'path',
  'if-no-files-found',
  'retention-days',
  'compression-level',
  'overwrite',
  'include-hidden-files'
]

/** Fail for an input that the double does not have: it would be ignored in silence. */
function refuseOthers() {
  const known = new Set(KNOWN.map(name => `INPUT_${name.toUpperCase()}`))
  const others = Object.keys(process.env).filter(name => name.startsWith('INPUT_') && !known.has(name))
  if (others.length > 0) {
    throw new Error(`the double of upload-artifact does not have: ${others.join(', ')}`)
  }
}

/** Return a whole number of an input, or undefined if it is empty. */
function number(name, least, most) {
  const text = core.getInput(name)
  const value = Number(text)
  if (text !== '' && !(Number.isInteger(value) && value >= least && value <= most)) {
    throw new Error(`${name}: ${text} is not between ${least} and ${most}`)
  }
  return text === '' ? undefined : value
}

/** Return the deepest folder that holds all of these paths, each of which may be a folder itself. */
function commonAncestor(paths) {
  const [first, ...others] = paths.map(each => path.normalize(each).split(path.sep))
  const differs = first.findIndex((part, index) => others.some(other => other[index] !== part))
  return path.join('/', ...(differs === -1 ? first : first.slice(0, differs)))
}

/** Return the files to upload, and the folder that their names in the artifact are relative to. */
async function find(patterns, hidden) {
  const globber = await glob.create(patterns, {excludeHiddenFiles: !hidden})
  const files = []
  for (const found of await globber.glob()) {
    if (!(await stat(found)).isDirectory()) files.push(found)
  }
  const searched = globber.getSearchPaths()
  if (searched.length > 1) return {files, root: commonAncestor(searched)}
  // a single file that is named loses its folders
  const single = files.length === 1 && files[0] === searched[0]
  return {files, root: single ? path.dirname(files[0]) : searched[0]}
}

function nothingFound(patterns) {
  const say = {warn: core.warning, error: core.setFailed, ignore: core.info}[core.getInput('if-no-files-found')]
  if (!say) throw new Error('if-no-files-found: use warn, error or ignore')
  say(`No files were found with the provided path: ${patterns}. No artifacts will be uploaded.`)
}

/** Delete the artifact of this name, if there is one. */
async function forget(client, name) {
  try {
    await client.deleteArtifact(name)
  } catch (error) {
    if (!(error instanceof ArtifactNotFoundError)) throw error
  }
}

async function run() {
  refuseOthers()
  const name = core.getInput('name')
  const patterns = core.getInput('path', {required: true})
  const {files, root} = await find(patterns, core.getBooleanInput('include-hidden-files'))
  if (files.length === 0) {
    nothingFound(patterns)
    return
  }
  const client = new DefaultArtifactClient()
  if (core.getBooleanInput('overwrite')) await forget(client, name)
  const {id, digest} = await client.uploadArtifact(name, files, root, {
    retentionDays: number('retention-days', 1, 90),
    compressionLevel: number('compression-level', 0, 9)
  })
  const {GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID} = process.env
  core.setOutput('artifact-id', id)
  core.setOutput('artifact-digest', digest)
  core.setOutput('artifact-url', `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}/artifacts/${id}`)
}

run().catch(error => core.setFailed(error.message))

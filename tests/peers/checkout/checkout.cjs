// Fetches the commit of the event into the workspace, which must be empty.
const {execFileSync} = require('node:child_process')

const {PEER_CHECKOUT, GITHUB_SHA} = process.env
const depth = process.env['INPUT_FETCH-DEPTH']
const known = new Set(['INPUT_PERSIST-CREDENTIALS', 'INPUT_FETCH-DEPTH'])
const others = Object.keys(process.env).filter(name => name.startsWith('INPUT_') && !known.has(name))
if (others.length > 0) throw new Error(`the double of checkout does not have: ${others.join(', ')}`)

const git = (...words) => execFileSync('git', words, {stdio: 'inherit'})
git('init', '--quiet', '--initial-branch', 'checkout')
git('fetch', '--quiet', ...(depth === '0' ? [] : ['--depth', depth]), `file://${PEER_CHECKOUT}`, GITHUB_SHA)
git('-c', 'advice.detachedHead=false', 'checkout', '--quiet', 'FETCH_HEAD')

// Fails when a commit has a subject that `git log --oneline` cuts off, or one that ends in a dot (CONTRIBUTING.md). Commits
// up to LAST_UNCHECKED are older than the rule. Without that commit (a shallow clone, a folder without git) it checks nothing.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAX_CHARACTERS = 72;
const LAST_UNCHECKED = '9c2c9c5c6fd701cc6c9cda52f6d26bcd2cec73f6';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What git prints; `undefined` if it cannot answer. */
function git(...args) {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}

function problemOf(subject) {
  const length = [...subject].length;
  if (length > MAX_CHARACTERS) return `${length} characters, ${MAX_CHARACTERS} are allowed`;
  return subject.endsWith('.') ? 'ends in a dot' : undefined;
}

const log = git('log', '--no-merges', '--format=%h %s', `${LAST_UNCHECKED}..HEAD`);
if (log === undefined) {
  console.log('commit subjects: not checked, because the history is not here');
} else {
  const commits = log.split('\n').filter((line) => line !== '');
  const problems = commits.flatMap((commit) => {
    const subject = commit.slice(commit.indexOf(' ') + 1);
    const problem = problemOf(subject);
    return problem === undefined ? [] : [`${commit}\n  ${problem}`];
  });
  if (problems.length > 0) {
    console.error(`Reword these commits (git rebase --interactive):\n${problems.join('\n')}`);
    process.exitCode = 1;
  } else {
    console.log(`commit subjects: ${commits.length} commits, each subject fits`);
  }
}

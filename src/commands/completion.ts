import { ExitCode, SaasError } from '../model/error.ts';
import type { Invocation } from './invocation.ts';

/** Each script hands the words so far to `saas-ecs __complete`, so what is offered is always what this version has. */
const scripts: Record<string, string> = {
  bash: `_saas_ecs() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(saas-ecs __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _saas_ecs saas-ecs
`,
  zsh: `#compdef saas-ecs
_saas_ecs() {
  local -a candidates
  candidates=("\${(@f)$(saas-ecs __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- \${candidates:#}
}
compdef _saas_ecs saas-ecs
`,
  fish: `function __saas_ecs
  set -l words (commandline -opc) (commandline -ct)
  saas-ecs __complete -- $words[2..-1] 2>/dev/null
end
complete -c saas-ecs -f -a '(__saas_ecs)'
`,
};

export async function completion(cli: Invocation, shell: string): Promise<void> {
  const script = scripts[shell];
  if (script === undefined)
    throw new SaasError('bad_usage', `there is no completion for "${shell}"`, {
      hint: `choose from: ${Object.keys(scripts).join(', ')}`,
      exitCode: ExitCode.usage,
    });
  cli.output.result({ shell, script }, () => script);
}

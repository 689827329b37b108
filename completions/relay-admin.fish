# fish completion of relay-admin: made from its command tree, so do not edit it.

# Offers what the program finds for this line: ids from the database, at once or not at all.
function __relay_admin_ask
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    command -q relay-admin
    and command relay-admin __complete $words[2..] "$typed" 2>/dev/null
end

# True if the words of the command that is being typed are the arguments; what follows a whole command are its arguments.
function __relay_admin_at
    set -l words (commandline -opc)
    set -l path
    set -l is_value no
    for word in $words[2..]
        if test $is_value = yes
            set is_value no
            continue
        end
        switch $word
            case -d --dsn --dsn-file --service --timeout -o --output --color --reason --ticket --actor
                set is_value yes
            case '-*'
            case '*'
                set -a path $word
                contains -- "$path" $__relay_admin_whole
                and break
        end
    end
    test "$path" = "$argv"
end

set -g __relay_admin_whole \
    'agent assign-role' \
    'agent create' \
    'agent grant' \
    'agent list' \
    'agent revoke-permission' \
    'agent show' \
    'agent unassign-role' \
    'agent update' \
    'audit maintain' \
    'block' \
    'completion' \
    'config show' \
    'doctor' \
    'gateway list' \
    'help' \
    'init' \
    'key list' \
    'key retire' \
    'key show' \
    'key verify' \
    'migrate-legacy abort' \
    'migrate-legacy extend' \
    'migrate-legacy finish' \
    'migrate-legacy import' \
    'migrate-legacy issue' \
    'migrate-legacy start' \
    'migrate-legacy status' \
    'org create' \
    'org list' \
    'org show' \
    'org update' \
    'recover' \
    'restore' \
    'revoke' \
    'role create' \
    'role delete' \
    'role grant' \
    'role list' \
    'role revoke-permission' \
    'role show' \
    'rotate-key' \
    'agent rotate-key' \
    'sandbox destroy' \
    'sandbox run' \
    'sandbox start' \
    'sandbox status' \
    'sandbox stop' \
    'schema apply' \
    'schema json' \
    'schema print' \
    'schema status' \
    'schema verify' \
    'unblock' \
    'version' \
    'watch' \
    'whoami'

complete -c relay-admin -f
complete -c relay-admin -s d -l dsn -x -d 'database to use, as keywords or as a URI, without a password (default: RELAY_ADMIN_DSN, then PG* settings)'
complete -c relay-admin -l dsn-file -r -F -d 'read the connection string from FILE; one with a password must be readable by its owner alone'
complete -c relay-admin -l service -x -d 'section of libpq\'s service file to use'
complete -c relay-admin -l sandbox -d 'use the private PostgreSQL of `sandbox`, started on demand'
complete -c relay-admin -l timeout -x -d 'longest wait for the connection and for each transaction, 100ms to 10m (default: 10s)'
complete -c relay-admin -s o -l output -x -a 'table json jsonl csv id env' -d 'format of what goes to stdout (default: table)'
complete -c relay-admin -l json -d 'same as --output json'
complete -c relay-admin -s q -l quiet -d 'no talk on stderr but warnings and errors'
complete -c relay-admin -s v -l verbose -d 'more talk on stderr'
complete -c relay-admin -l color -x -a 'auto always never' -d 'color on stderr (default: auto)'
complete -c relay-admin -l no-pager -d 'never show long output in a pager'
complete -c relay-admin -s n -l dry-run -d 'do it all in a transaction, then roll back and show it'
complete -c relay-admin -s y -l yes -d 'answer yes/no questions with yes'
complete -c relay-admin -l no-input -d 'never ask; fail where a question would be needed'
complete -c relay-admin -l reason -x -d 'why, for the audit trail'
complete -c relay-admin -l ticket -x -d 'ticket, for the audit trail'
complete -c relay-admin -l actor -x -d 'who asks, for the audit trail (default: the CI run, SUDO_USER, or the login name)'
complete -c relay-admin -s h -l help -d 'show help and stop'
complete -c relay-admin -s V -l version -d 'show the version and stop'
complete -c relay-admin -n '__relay_admin_at' -a agent -d 'create, list, show and change agents'
complete -c relay-admin -n '__relay_admin_at' -a audit -d 'look after the audit trail'
complete -c relay-admin -n '__relay_admin_at' -a block -d 'shut agents out at once; reversible, keys are kept'
complete -c relay-admin -n '__relay_admin_at' -a completion -d 'print the completion script of a shell'
complete -c relay-admin -n '__relay_admin_at' -a config -d 'tell the settings in force'
complete -c relay-admin -n '__relay_admin_at' -a doctor -d 'look the database and its surroundings over'
complete -c relay-admin -n '__relay_admin_at' -a gateway -d 'see who listens to blocks and revocations'
complete -c relay-admin -n '__relay_admin_at' -a help -d 'show the help of a command'
complete -c relay-admin -n '__relay_admin_at' -a init -d 'first run: schema, first organization, first agent'
complete -c relay-admin -n '__relay_admin_at' -a key -d 'list, check and retire keys'
complete -c relay-admin -n '__relay_admin_at' -a migrate-legacy -d 'move a running fleet off its one shared secret'
complete -c relay-admin -n '__relay_admin_at' -a org -d 'create, list, show and change organizations'
complete -c relay-admin -n '__relay_admin_at' -a recover -d 'settle operations whose commit got lost'
complete -c relay-admin -n '__relay_admin_at' -a restore -d 'bring a revoked agent back, with a fresh key'
complete -c relay-admin -n '__relay_admin_at' -a revoke -d 'kill keys for good: of agents, an org, or leaked ones'
complete -c relay-admin -n '__relay_admin_at' -a role -d 'permissions under a name, for agents to have'
complete -c relay-admin -n '__relay_admin_at' -a rotate-key -d 'give an agent a new key; the old one works on for a while'
complete -c relay-admin -n '__relay_admin_at' -a sandbox -d 'a private PostgreSQL on a unix socket, for trying out'
complete -c relay-admin -n '__relay_admin_at' -a schema -d 'install and check the database schema'
complete -c relay-admin -n '__relay_admin_at' -a unblock -d 'let blocked agents in again'
complete -c relay-admin -n '__relay_admin_at' -a version -d 'show the versions of program, schema and libpq'
complete -c relay-admin -n '__relay_admin_at' -a watch -d 'print each block, revocation and rotation as it happens'
complete -c relay-admin -n '__relay_admin_at' -a whoami -d 'tell which database, role, TLS and actor are in force'
complete -c relay-admin -n '__relay_admin_at agent' -a assign-role -d 'give an agent roles'
complete -c relay-admin -n '__relay_admin_at agent' -a create -d 'create an agent with its first key'
complete -c relay-admin -n '__relay_admin_at agent' -a grant -d 'give an agent permissions of its own'
complete -c relay-admin -n '__relay_admin_at agent' -a list -d 'list agents'
complete -c relay-admin -n '__relay_admin_at agent' -a revoke-permission -d 'take permissions of its own from an agent'
complete -c relay-admin -n '__relay_admin_at agent' -a show -d 'show an agent: status, keys, last events'
complete -c relay-admin -n '__relay_admin_at agent' -a unassign-role -d 'take roles from an agent'
complete -c relay-admin -n '__relay_admin_at agent' -a update -d 'change an agent\'s name, permissions or key age'
complete -c relay-admin -n '__relay_admin_at agent' -a rotate-key -d 'give an agent a new key; the old one works on for a while'
complete -c relay-admin -n '__relay_admin_at agent assign-role' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at agent assign-role' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at agent create' -l id -l agent -l agent-id -x -d 'the same, as a flag'
complete -c relay-admin -n '__relay_admin_at agent create' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'its organization'
complete -c relay-admin -n '__relay_admin_at agent create' -l name -x -d 'name for people'
complete -c relay-admin -n '__relay_admin_at agent create' -l permissions -l permission -x -d 'what it may do: provider:method, * for any'
complete -c relay-admin -n '__relay_admin_at agent create' -l key-max-age -x -d 'age at which a key is due for rotation, as 90d'
complete -c relay-admin -n '__relay_admin_at agent create' -l expires -x -d 'when its key ends by itself (default: never)'
complete -c relay-admin -n '__relay_admin_at agent create' -l secret-file -r -F -d 'write the secret to a new file of mode 0600'
complete -c relay-admin -n '__relay_admin_at agent create' -l secrets-dir -x -a '(__fish_complete_directories)' -d 'write the secret to DIR/AGENT-ID.EXT, one file an agent'
complete -c relay-admin -n '__relay_admin_at agent create' -l secret-fd -x -d 'write the secret to an inherited file descriptor'
complete -c relay-admin -n '__relay_admin_at agent create' -l secret-stdout -d 'write the secret alone to stdout; the summary goes to stderr'
complete -c relay-admin -n '__relay_admin_at agent create' -l replace -d 'let the file exist: it keeps its old content until the commit'
complete -c relay-admin -n '__relay_admin_at agent create' -l secret-format -x -a 'raw env json k8s sealed' -d 'shape of the secret (default: raw)'
complete -c relay-admin -n '__relay_admin_at agent create' -l env-prefix -x -d 'start of the names in env and k8s (default: RELAY_)'
complete -c relay-admin -n '__relay_admin_at agent create' -l k8s-name -x -d 'name of the Kubernetes Secret (default: made of the id)'
complete -c relay-admin -n '__relay_admin_at agent create' -l k8s-namespace -x -d 'namespace of the Kubernetes Secret'
complete -c relay-admin -n '__relay_admin_at agent create' -l seal-key -r -F -d 'public key for sealed, JSON {"key_id","key"} as the GitHub API gives it; - reads stdin'
complete -c relay-admin -n '__relay_admin_at agent grant' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at agent grant' -l conditions -x -d 'bind them to these conditions, as \'{"max_amount": 10000}\''
complete -c relay-admin -n '__relay_admin_at agent grant' -l unconditional -d 'free them of the conditions that they have'
complete -c relay-admin -n '__relay_admin_at agent list' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'only those of an organization'
complete -c relay-admin -n '__relay_admin_at agent list' -l role -l role-id -x -a '(__relay_admin_ask)' -d 'only those that have a role, with --org'
complete -c relay-admin -n '__relay_admin_at agent list' -l state -x -a 'active blocked revoked' -d 'only those in this state'
complete -c relay-admin -n '__relay_admin_at agent list' -l key-due -x -d 'only those whose key is due within this time, or already'
complete -c relay-admin -n '__relay_admin_at agent list' -l unused-for -x -d 'only those that were not seen for this long'
complete -c relay-admin -n '__relay_admin_at agent list' -l limit -x -d 'show at most so many (default: 1000)'
complete -c relay-admin -n '__relay_admin_at agent list' -l all -d 'show all of them'
complete -c relay-admin -n '__relay_admin_at agent list' -l after -x -d 'go on where a list ended: its "next"'
complete -c relay-admin -n '__relay_admin_at agent revoke-permission' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at agent show' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at agent show' -l id -l agent -l agent-id -x -a '(__relay_admin_ask)' -d 'the same, as a flag'
complete -c relay-admin -n '__relay_admin_at agent show' -l events -x -d 'how many of its last events to show (default: 10)'
complete -c relay-admin -n '__relay_admin_at agent unassign-role' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at agent unassign-role' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at agent update' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at agent update' -l id -l agent -l agent-id -x -a '(__relay_admin_ask)' -d 'the same, as a flag'
complete -c relay-admin -n '__relay_admin_at agent update' -l name -x -d 'new name for people'
complete -c relay-admin -n '__relay_admin_at agent update' -l add-permission -x -d 'permissions to add: provider:method'
complete -c relay-admin -n '__relay_admin_at agent update' -l remove-permission -x -d 'permissions to take away'
complete -c relay-admin -n '__relay_admin_at agent update' -l key-max-age -x -d 'age at which a key is due for rotation, as 90d'
complete -c relay-admin -n '__relay_admin_at audit' -a maintain -d 'make months ahead, prune, and drop old months'
complete -c relay-admin -n '__relay_admin_at audit maintain' -l ahead -x -d 'months to make after this one; 3 if not given'
complete -c relay-admin -n '__relay_admin_at audit maintain' -l keep-months -x -d 'drop whole months before this one and that many'
complete -c relay-admin -n '__relay_admin_at audit maintain' -l expect -x -d 'how many months that will be; if not, none is dropped'
complete -c relay-admin -n '__relay_admin_at block' -l until -x -d 'when it ends by itself: 2h, or a time (RFC 3339)'
complete -c relay-admin -n '__relay_admin_at block' -l force -d 'also keep out ids that nobody knows'
complete -c relay-admin -n '__relay_admin_at block' -l wait-ack -x -d 'wait so long for every live gateway to acknowledge it: 5s'
complete -c relay-admin -n '__relay_admin_at block' -l durable -d 'wait for the standbys to replay it, as long as --timeout says'
complete -c relay-admin -n '__relay_admin_at block' -s f -l file -r -F -d 'agent ids from a file, one a line; - is stdin'
complete -c relay-admin -n '__relay_admin_at block' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'the whole organization instead of single agents'
complete -c relay-admin -n '__relay_admin_at block' -l confirm -x -d 'the organization\'s id again, instead of typing it'
complete -c relay-admin -n '__relay_admin_at block' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at completion' -x -a 'bash zsh fish'
complete -c relay-admin -n '__relay_admin_at config' -a show -d 'list the settings in force and where each came from'
complete -c relay-admin -n '__relay_admin_at doctor' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at doctor' -l env-file -r -F -d 'the relay\'s settings, NAME=VALUE lines; no value is ever shown'
complete -c relay-admin -n '__relay_admin_at gateway' -a list -d 'list gateways and how far behind they are'
complete -c relay-admin -n '__relay_admin_at help' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at init' -l org-id -l org -x -d 'id of the first organization'
complete -c relay-admin -n '__relay_admin_at init' -l org-name -x -d 'its name for people'
complete -c relay-admin -n '__relay_admin_at init' -l agent-id -l agent -x -d 'id of the first agent (default: generated)'
complete -c relay-admin -n '__relay_admin_at init' -l agent-name -x -d 'its name for people'
complete -c relay-admin -n '__relay_admin_at init' -l permissions -l permission -x -d 'what it may do: provider:method, * for any'
complete -c relay-admin -n '__relay_admin_at init' -l plan -x -a 'free paid' -d 'free: one agent; paid: no limit (default: free)'
complete -c relay-admin -n '__relay_admin_at init' -l secret-file -r -F -d 'write the secret to a new file of mode 0600'
complete -c relay-admin -n '__relay_admin_at init' -l secrets-dir -x -a '(__fish_complete_directories)' -d 'write the secret to DIR/AGENT-ID.EXT, one file an agent'
complete -c relay-admin -n '__relay_admin_at init' -l secret-fd -x -d 'write the secret to an inherited file descriptor'
complete -c relay-admin -n '__relay_admin_at init' -l secret-stdout -d 'write the secret alone to stdout; the summary goes to stderr'
complete -c relay-admin -n '__relay_admin_at init' -l replace -d 'let the file exist: it keeps its old content until the commit'
complete -c relay-admin -n '__relay_admin_at init' -l secret-format -x -a 'raw env json k8s sealed' -d 'shape of the secret (default: raw)'
complete -c relay-admin -n '__relay_admin_at init' -l env-prefix -x -d 'start of the names in env and k8s (default: RELAY_)'
complete -c relay-admin -n '__relay_admin_at init' -l k8s-name -x -d 'name of the Kubernetes Secret (default: made of the id)'
complete -c relay-admin -n '__relay_admin_at init' -l k8s-namespace -x -d 'namespace of the Kubernetes Secret'
complete -c relay-admin -n '__relay_admin_at init' -l seal-key -r -F -d 'public key for sealed, JSON {"key_id","key"} as the GitHub API gives it; - reads stdin'
complete -c relay-admin -n '__relay_admin_at key' -a list -d 'list keys'
complete -c relay-admin -n '__relay_admin_at key' -a retire -d 'end a key for good'
complete -c relay-admin -n '__relay_admin_at key' -a show -d 'show a key by its id'
complete -c relay-admin -n '__relay_admin_at key' -a verify -d 'tell what a gateway would say of a key'
complete -c relay-admin -n '__relay_admin_at key list' -l agent -l agent-id -x -a '(__relay_admin_ask)' -d 'only those of an agent'
complete -c relay-admin -n '__relay_admin_at key list' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'only those of an organization'
complete -c relay-admin -n '__relay_admin_at key list' -l state -x -a 'active retiring expired retired revoked' -d 'only those in this state'
complete -c relay-admin -n '__relay_admin_at key list' -l limit -x -d 'show at most so many (default: 1000)'
complete -c relay-admin -n '__relay_admin_at key list' -l all -d 'show all of them'
complete -c relay-admin -n '__relay_admin_at key list' -l after -x -d 'go on where a list ended: its "next"'
complete -c relay-admin -n '__relay_admin_at key retire' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at key retire' -l id -l key-id -x -a '(__relay_admin_ask)' -d 'the same, as a flag'
complete -c relay-admin -n '__relay_admin_at key retire' -l force -d 'also if it is the agent\'s active key, which leaves it without one'
complete -c relay-admin -n '__relay_admin_at key show' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at key show' -l id -l key-id -x -a '(__relay_admin_ask)' -d 'the same, as a flag'
complete -c relay-admin -n '__relay_admin_at key verify' -l agent -l agent-id -x -a '(__relay_admin_ask)' -d 'the agent that the key should be of'
complete -c relay-admin -n '__relay_admin_at migrate-legacy' -a abort -d 'call the migration off, or stop the shared secret'
complete -c relay-admin -n '__relay_admin_at migrate-legacy' -a extend -d 'move the deadline of the window'
complete -c relay-admin -n '__relay_admin_at migrate-legacy' -a finish -d 'close the window: the shared secret opens nothing more'
complete -c relay-admin -n '__relay_admin_at migrate-legacy' -a import -d 'take in the agents that carry the shared secret'
complete -c relay-admin -n '__relay_admin_at migrate-legacy' -a issue -d 'give agents of the list a key of their own'
complete -c relay-admin -n '__relay_admin_at migrate-legacy' -a start -d 'open the window, or another wave of it'
complete -c relay-admin -n '__relay_admin_at migrate-legacy' -a status -d 'how far the fleet is, and who is left'
complete -c relay-admin -n '__relay_admin_at migrate-legacy abort' -l deny-all -d 'emergency stop: the shared secret opens nothing any more'
complete -c relay-admin -n '__relay_admin_at migrate-legacy abort' -l confirm -x -d 'legacy-off, instead of typing it'
complete -c relay-admin -n '__relay_admin_at migrate-legacy extend' -l deadline -x -d 'the new end, at most 180d from now'
complete -c relay-admin -n '__relay_admin_at migrate-legacy finish' -l quiet-for -x -d 'nobody may have used it for so long (default: 72h)'
complete -c relay-admin -n '__relay_admin_at migrate-legacy finish' -l allow-active -x -d 'exactly so many may have used it, and are locked out'
complete -c relay-admin -n '__relay_admin_at migrate-legacy finish' -l confirm -x -d 'legacy-off, instead of typing it'
complete -c relay-admin -n '__relay_admin_at migrate-legacy import' -r -F
complete -c relay-admin -n '__relay_admin_at migrate-legacy import' -l from-table -x -d 'read a table of the old relay in the same database'
complete -c relay-admin -n '__relay_admin_at migrate-legacy import' -l map -x -d 'what the source calls them: agent_id=id,org_id=tenant'
complete -c relay-admin -n '__relay_admin_at migrate-legacy import' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'organization of rows that name none'
complete -c relay-admin -n '__relay_admin_at migrate-legacy import' -l create-orgs -d 'make the organizations that are missing'
complete -c relay-admin -n '__relay_admin_at migrate-legacy import' -l orgs-table -x -d 'where their names are: org_id, name'
complete -c relay-admin -n '__relay_admin_at migrate-legacy import' -l match-secret -r -F -d 'take only rows whose hash is of the shared secret in FILE; - is stdin'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l next -x -d 'the next so many of the list'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l all -d 'all of the list'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'with --next, --all: of this organization'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -s f -l file -r -F -d 'agent ids from a file, one a line; - is stdin'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l batch -x -d 'keys of one transaction (default: 1000)'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l expect -x -d 'so many are to be given a key, or nothing is done'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l manifest -r -F -d 'list in a CSV which key was issued to whom, without the secrets'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l secret-file -r -F -d 'write the secret to a new file of mode 0600'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l secrets-dir -x -a '(__fish_complete_directories)' -d 'write the secret to DIR/AGENT-ID.EXT, one file an agent'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l secret-fd -x -d 'write the secret to an inherited file descriptor'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l secret-stdout -d 'write the secret alone to stdout; the summary goes to stderr'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l replace -d 'let the file exist: it keeps its old content until the commit'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l secret-format -x -a 'raw env json k8s sealed' -d 'shape of the secret (default: raw)'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l env-prefix -x -d 'start of the names in env and k8s (default: RELAY_)'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l k8s-name -x -d 'name of the Kubernetes Secret (default: made of the id)'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l k8s-namespace -x -d 'namespace of the Kubernetes Secret'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l seal-key -r -F -d 'public key for sealed, JSON {"key_id","key"} as the GitHub API gives it; - reads stdin'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l group-by -x -a 'org owner' -d 'in --secrets-dir, a folder for each organization, or each owner'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l seal-keys -r -F -d 'public keys for sealed, one an owner: CSV or JSON lines of owner, key_id, key'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l deliver -x -d 'run this with sh for each agent, the secret on its stdin'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l deliver-timeout -x -d 'how long the command may take (default: 30s)'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -l deliver-jobs -x -d 'how many commands run at once (default: 1)'
complete -c relay-admin -n '__relay_admin_at migrate-legacy issue' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at migrate-legacy start' -l deadline -x -d 'when the shared secret closes, at most 180d from now'
complete -c relay-admin -n '__relay_admin_at migrate-legacy start' -l agents -r -F -d 'a wave: these ids, one a line; - is stdin'
complete -c relay-admin -n '__relay_admin_at migrate-legacy start' -l expect -x -d 'how many agents must join; else exit 5'
complete -c relay-admin -n '__relay_admin_at migrate-legacy status' -l quiet-for -x -d 'who was seen in so long is on the secret (default: 72h)'
complete -c relay-admin -n '__relay_admin_at migrate-legacy status' -l all -d 'every straggler, not only the first 20 of a kind'
complete -c relay-admin -n '__relay_admin_at migrate-legacy status' -l exit-code -d 'exit 10 while any agent is left'
complete -c relay-admin -n '__relay_admin_at migrate-legacy status' -l html -r -F -d 'all of it as one page; - is stdout'
complete -c relay-admin -n '__relay_admin_at org' -a create -d 'create an organization'
complete -c relay-admin -n '__relay_admin_at org' -a list -d 'list organizations'
complete -c relay-admin -n '__relay_admin_at org' -a show -d 'show an organization'
complete -c relay-admin -n '__relay_admin_at org' -a update -d 'change an organization\'s name, plan, limits or token'
complete -c relay-admin -n '__relay_admin_at org create' -l id -l org -l org-id -x -d 'the same, as a flag'
complete -c relay-admin -n '__relay_admin_at org create' -l name -x -d 'name for people'
complete -c relay-admin -n '__relay_admin_at org create' -l plan -x -a 'free paid' -d 'free: one agent; paid: no limit (default: free)'
complete -c relay-admin -n '__relay_admin_at org create' -l max-agents -x -d 'how many agents it may have, whatever its plan'
complete -c relay-admin -n '__relay_admin_at org create' -l key-max-age -x -d 'age at which a key is due for rotation, as 90d'
complete -c relay-admin -n '__relay_admin_at org create' -l auth-mode -x -a 'optional required' -d 'optional: calls without a key are let through and recorded (default: required)'
complete -c relay-admin -n '__relay_admin_at org create' -l admin-token -r -F -d 'make an admin token; it goes to FILE, stdout, terminal or fd:N'
complete -c relay-admin -n '__relay_admin_at org create' -l replace -d 'let the file exist: it keeps its old content until the commit'
complete -c relay-admin -n '__relay_admin_at org create' -l secret-format -x -a 'raw env json k8s sealed' -d 'shape of the secret (default: raw)'
complete -c relay-admin -n '__relay_admin_at org create' -l env-prefix -x -d 'start of the names in env and k8s (default: RELAY_)'
complete -c relay-admin -n '__relay_admin_at org create' -l k8s-name -x -d 'name of the Kubernetes Secret (default: made of the id)'
complete -c relay-admin -n '__relay_admin_at org create' -l k8s-namespace -x -d 'namespace of the Kubernetes Secret'
complete -c relay-admin -n '__relay_admin_at org create' -l seal-key -r -F -d 'public key for sealed, JSON {"key_id","key"} as the GitHub API gives it; - reads stdin'
complete -c relay-admin -n '__relay_admin_at org list' -l match -x -d 'only ids like this: * is any text, ? any character'
complete -c relay-admin -n '__relay_admin_at org list' -l blocked -d 'only those that are blocked or revoked'
complete -c relay-admin -n '__relay_admin_at org list' -l limit -x -d 'show at most so many (default: 1000)'
complete -c relay-admin -n '__relay_admin_at org list' -l all -d 'show all of them'
complete -c relay-admin -n '__relay_admin_at org list' -l after -x -d 'go on where a list ended: its "next"'
complete -c relay-admin -n '__relay_admin_at org show' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at org show' -l id -l org -l org-id -x -a '(__relay_admin_ask)' -d 'the same, as a flag'
complete -c relay-admin -n '__relay_admin_at org update' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at org update' -l id -l org -l org-id -x -a '(__relay_admin_ask)' -d 'the same, as a flag'
complete -c relay-admin -n '__relay_admin_at org update' -l name -x -d 'new name for people'
complete -c relay-admin -n '__relay_admin_at org update' -l plan -x -a 'free paid' -d 'free: one agent; paid: no limit'
complete -c relay-admin -n '__relay_admin_at org update' -l max-agents -x -d 'how many agents it may have, whatever its plan'
complete -c relay-admin -n '__relay_admin_at org update' -l key-max-age -x -d 'age at which a key is due for rotation, as 90d'
complete -c relay-admin -n '__relay_admin_at org update' -l auth-mode -x -a 'optional required' -d 'optional: calls without a key are let through and recorded'
complete -c relay-admin -n '__relay_admin_at org update' -l admin-token -r -F -d 'replace the admin token; the new one goes to FILE, stdout, terminal or fd:N'
complete -c relay-admin -n '__relay_admin_at org update' -l replace -d 'let the file exist: it keeps its old content until the commit'
complete -c relay-admin -n '__relay_admin_at org update' -l secret-format -x -a 'raw env json k8s sealed' -d 'shape of the secret (default: raw)'
complete -c relay-admin -n '__relay_admin_at org update' -l env-prefix -x -d 'start of the names in env and k8s (default: RELAY_)'
complete -c relay-admin -n '__relay_admin_at org update' -l k8s-name -x -d 'name of the Kubernetes Secret (default: made of the id)'
complete -c relay-admin -n '__relay_admin_at org update' -l k8s-namespace -x -d 'namespace of the Kubernetes Secret'
complete -c relay-admin -n '__relay_admin_at org update' -l seal-key -r -F -d 'public key for sealed, JSON {"key_id","key"} as the GitHub API gives it; - reads stdin'
complete -c relay-admin -n '__relay_admin_at recover' -l dir -x -a '(__fish_complete_directories)' -d 'settle unfinished secret files (*.new, *.batch) in a folder'
complete -c relay-admin -n '__relay_admin_at restore' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at restore' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'lift an organization\'s revocation'
complete -c relay-admin -n '__relay_admin_at restore' -l confirm -x -d 'the organization\'s id again, instead of typing it'
complete -c relay-admin -n '__relay_admin_at restore' -l secret-file -r -F -d 'write the secret to a new file of mode 0600'
complete -c relay-admin -n '__relay_admin_at restore' -l secrets-dir -x -a '(__fish_complete_directories)' -d 'write the secret to DIR/AGENT-ID.EXT, one file an agent'
complete -c relay-admin -n '__relay_admin_at restore' -l secret-fd -x -d 'write the secret to an inherited file descriptor'
complete -c relay-admin -n '__relay_admin_at restore' -l secret-stdout -d 'write the secret alone to stdout; the summary goes to stderr'
complete -c relay-admin -n '__relay_admin_at restore' -l replace -d 'let the file exist: it keeps its old content until the commit'
complete -c relay-admin -n '__relay_admin_at restore' -l secret-format -x -a 'raw env json k8s sealed' -d 'shape of the secret (default: raw)'
complete -c relay-admin -n '__relay_admin_at restore' -l env-prefix -x -d 'start of the names in env and k8s (default: RELAY_)'
complete -c relay-admin -n '__relay_admin_at restore' -l k8s-name -x -d 'name of the Kubernetes Secret (default: made of the id)'
complete -c relay-admin -n '__relay_admin_at restore' -l k8s-namespace -x -d 'namespace of the Kubernetes Secret'
complete -c relay-admin -n '__relay_admin_at restore' -l seal-key -r -F -d 'public key for sealed, JSON {"key_id","key"} as the GitHub API gives it; - reads stdin'
complete -c relay-admin -n '__relay_admin_at revoke' -l key -x -a '(__relay_admin_ask)' -d 'single keys by their ids, comma-separated'
complete -c relay-admin -n '__relay_admin_at revoke' -l scan -r -F -d 'the keys that stand in a text; - is stdin'
complete -c relay-admin -n '__relay_admin_at revoke' -l force -d 'also keep out ids that nobody knows'
complete -c relay-admin -n '__relay_admin_at revoke' -l wait-ack -x -d 'wait so long for every live gateway to acknowledge it: 5s'
complete -c relay-admin -n '__relay_admin_at revoke' -l durable -d 'wait for the standbys to replay it, as long as --timeout says'
complete -c relay-admin -n '__relay_admin_at revoke' -s f -l file -r -F -d 'agent ids from a file, one a line; - is stdin'
complete -c relay-admin -n '__relay_admin_at revoke' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'the whole organization instead of single agents'
complete -c relay-admin -n '__relay_admin_at revoke' -l confirm -x -d 'the organization\'s id again, instead of typing it'
complete -c relay-admin -n '__relay_admin_at revoke' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at role' -a create -d 'create a role of an organization'
complete -c relay-admin -n '__relay_admin_at role' -a delete -d 'delete a role'
complete -c relay-admin -n '__relay_admin_at role' -a grant -d 'let a role permit more'
complete -c relay-admin -n '__relay_admin_at role' -a list -d 'list roles'
complete -c relay-admin -n '__relay_admin_at role' -a revoke-permission -d 'let a role permit less'
complete -c relay-admin -n '__relay_admin_at role' -a show -d 'show a role: what it permits, and who has it'
complete -c relay-admin -n '__relay_admin_at role create' -l id -l role -l role-id -x -d 'the same, as a flag'
complete -c relay-admin -n '__relay_admin_at role create' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'the organization that it is of'
complete -c relay-admin -n '__relay_admin_at role create' -l name -x -d 'name for people'
complete -c relay-admin -n '__relay_admin_at role create' -l permissions -x -d 'what it permits: provider:method, * for any'
complete -c relay-admin -n '__relay_admin_at role delete' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at role delete' -l id -l role -l role-id -x -a '(__relay_admin_ask)' -d 'the same, as a flag'
complete -c relay-admin -n '__relay_admin_at role delete' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'the organization that it is of'
complete -c relay-admin -n '__relay_admin_at role delete' -l force -d 'also if agents have it: it is taken from them'
complete -c relay-admin -n '__relay_admin_at role grant' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at role grant' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'the organization that it is of'
complete -c relay-admin -n '__relay_admin_at role grant' -l conditions -x -d 'bind them to these conditions, as \'{"max_amount": 10000}\''
complete -c relay-admin -n '__relay_admin_at role grant' -l unconditional -d 'free them of the conditions that they have'
complete -c relay-admin -n '__relay_admin_at role list' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'only those of an organization'
complete -c relay-admin -n '__relay_admin_at role list' -l limit -x -d 'show at most so many (default: 1000)'
complete -c relay-admin -n '__relay_admin_at role list' -l all -d 'show all of them'
complete -c relay-admin -n '__relay_admin_at role list' -l after -x -d 'go on where a list ended: its "next"'
complete -c relay-admin -n '__relay_admin_at role revoke-permission' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at role revoke-permission' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'the organization that it is of'
complete -c relay-admin -n '__relay_admin_at role show' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at role show' -l id -l role -l role-id -x -a '(__relay_admin_ask)' -d 'the same, as a flag'
complete -c relay-admin -n '__relay_admin_at role show' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'the organization that it is of'
complete -c relay-admin -n '__relay_admin_at rotate-key' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l agent-id -x -a '(__relay_admin_ask)' -d 'the same as a flag'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l grace -x -d 'how long the old key works on: 0 to 90d, default 24h'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l if-older-than -x -d 'leave a younger key as it is'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l due-within -x -d 'leave a key that is due later as it is'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l retire-on-first-use -d 'end the old key when the new one is first used'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l request-id -x -d 'a repeat of this request changes nothing'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l key-from -r -F -d 'the new key, of your own making; - is stdin'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l force -d 'end a key in grace, renew one that has expired'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l revert -d 'take back the last rotation, while its old key works'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l secret-file -r -F -d 'write the secret to a new file of mode 0600'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l secrets-dir -x -a '(__fish_complete_directories)' -d 'write the secret to DIR/AGENT-ID.EXT, one file an agent'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l secret-fd -x -d 'write the secret to an inherited file descriptor'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l secret-stdout -d 'write the secret alone to stdout; the summary goes to stderr'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l replace -d 'let the file exist: it keeps its old content until the commit'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l secret-format -x -a 'raw env json k8s sealed' -d 'shape of the secret (default: raw)'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l env-prefix -x -d 'start of the names in env and k8s (default: RELAY_)'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l k8s-name -x -d 'name of the Kubernetes Secret (default: made of the id)'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l k8s-namespace -x -d 'namespace of the Kubernetes Secret'
complete -c relay-admin -n '__relay_admin_at rotate-key' -l seal-key -r -F -d 'public key for sealed, JSON {"key_id","key"} as the GitHub API gives it; - reads stdin'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l agent-id -x -a '(__relay_admin_ask)' -d 'the same as a flag'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l grace -x -d 'how long the old key works on: 0 to 90d, default 24h'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l if-older-than -x -d 'leave a younger key as it is'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l due-within -x -d 'leave a key that is due later as it is'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l retire-on-first-use -d 'end the old key when the new one is first used'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l request-id -x -d 'a repeat of this request changes nothing'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l key-from -r -F -d 'the new key, of your own making; - is stdin'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l force -d 'end a key in grace, renew one that has expired'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l revert -d 'take back the last rotation, while its old key works'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l secret-file -r -F -d 'write the secret to a new file of mode 0600'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l secrets-dir -x -a '(__fish_complete_directories)' -d 'write the secret to DIR/AGENT-ID.EXT, one file an agent'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l secret-fd -x -d 'write the secret to an inherited file descriptor'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l secret-stdout -d 'write the secret alone to stdout; the summary goes to stderr'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l replace -d 'let the file exist: it keeps its old content until the commit'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l secret-format -x -a 'raw env json k8s sealed' -d 'shape of the secret (default: raw)'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l env-prefix -x -d 'start of the names in env and k8s (default: RELAY_)'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l k8s-name -x -d 'name of the Kubernetes Secret (default: made of the id)'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l k8s-namespace -x -d 'namespace of the Kubernetes Secret'
complete -c relay-admin -n '__relay_admin_at agent rotate-key' -l seal-key -r -F -d 'public key for sealed, JSON {"key_id","key"} as the GitHub API gives it; - reads stdin'
complete -c relay-admin -n '__relay_admin_at sandbox' -a destroy -d 'stop the sandbox and remove its data'
complete -c relay-admin -n '__relay_admin_at sandbox' -a run -d 'run a command against the sandbox'
complete -c relay-admin -n '__relay_admin_at sandbox' -a start -d 'start a private PostgreSQL for trying out'
complete -c relay-admin -n '__relay_admin_at sandbox' -a status -d 'show whether the sandbox runs, and where it stands'
complete -c relay-admin -n '__relay_admin_at sandbox' -a stop -d 'stop the sandbox and keep its data'
complete -c relay-admin -n '__relay_admin_at sandbox run' -F -a '(__fish_complete_command)'
complete -c relay-admin -n '__relay_admin_at schema' -a apply -d 'install the database schema, or bring it up to date'
complete -c relay-admin -n '__relay_admin_at schema' -a json -d 'print the JSON Schema of a kind of output'
complete -c relay-admin -n '__relay_admin_at schema' -a print -d 'print the migrations as SQL for psql'
complete -c relay-admin -n '__relay_admin_at schema' -a status -d 'tell how the database schema stands to this program'
complete -c relay-admin -n '__relay_admin_at schema' -a verify -d 'compare the schema in the database with what it should be'
complete -c relay-admin -n '__relay_admin_at schema print' -l only -x -d 'this migration alone'
complete -c relay-admin -n '__relay_admin_at unblock' -s f -l file -r -F -d 'agent ids from a file, one a line; - is stdin'
complete -c relay-admin -n '__relay_admin_at unblock' -l org -l org-id -x -a '(__relay_admin_ask)' -d 'the whole organization instead of single agents'
complete -c relay-admin -n '__relay_admin_at unblock' -x -a '(__relay_admin_ask)'
complete -c relay-admin -n '__relay_admin_at watch' -l since -x -d 'go on after this line\'s cursor; without it, from now on'
complete -c relay-admin -n '__relay_admin_at watch' -l exec -x -d 'run this with sh for each change'
complete -c relay-admin -n '__relay_admin_at watch' -l count -x -d 'end after so many changes'
complete -c relay-admin -n '__relay_admin_at watch' -l until-idle -d 'end when there is nothing more to tell'

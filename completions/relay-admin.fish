# fish completion for relay-admin. The program gets the words up to the cursor, and answers what may follow.

# Sets $__relay_admin_found to what may follow. Returns false if fish must complete file names.
function __relay_admin_ask
    set -g __relay_admin_found
    command -q relay-admin
    or return 0
    set -l words (commandline -opc)
    set -l typed (commandline -ct | string replace -ra '[\\\\\'"]' '')  # quotes: no offer contains any
    set -l kept (string match -r -- '^--[^=]*=' $typed)
    for line in (command relay-admin __complete $words[2..] "$typed" 2>/dev/null)
        switch $line
            case ':program 0'
                set -g __relay_admin_found (__fish_complete_command)
            case ':files' ':program*'
                return 1
            case ':folders'
                # As it is typed, without the flag: fish 4 offers nothing for `--flag=` that does not begin with it.
                set -l folder (commandline -ct | string replace -r -- '^--[^=]*=' '')
                set -g __relay_admin_found "$kept"(__fish_complete_directories "$folder")
            case '*'
                set -ga __relay_admin_found "$kept$line"
        end
    end
    return 0
end

complete -c relay-admin -n __relay_admin_ask -f -a '$__relay_admin_found'

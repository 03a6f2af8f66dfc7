# bash completion for coracle: glue, the program itself knows the words.
_coracle() {
	local IFS=$' \t\n' words cur
	read -ra words <<< "${COMP_LINE:0:COMP_POINT}"
	[[ ${COMP_LINE:0:COMP_POINT} != *[[:space:]] ]] || words+=("")
	cur=${words[${#words[@]}-1]}
	IFS=$'\n'
	COMPREPLY=($(coracle __complete -- "${words[@]:1}" 2>/dev/null))
	COMPREPLY=("${COMPREPLY[@]%%$'\t'*}")
	case ${COMPREPLY[0]-} in
	:files) compopt -o filenames; COMPREPLY=($(compgen -f -- "$2")) ;;
	:dirs) compopt -o filenames; COMPREPLY=($(compgen -d -- "$2")) ;;
	*) COMPREPLY=("${COMPREPLY[@]#"${cur%"$2"}"}") ;; # bash ends words at : and =
	esac
}
complete -F _coracle coracle

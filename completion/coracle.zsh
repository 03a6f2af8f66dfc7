#compdef coracle
# zsh completion for coracle: glue, the program itself knows the words.
_coracle() {
	local -a lines names shown
	lines=("${(@f)$(coracle __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	case $lines[1] in
	'') return 1 ;;
	:files) _files ;;
	:dirs) _files -/ ;;
	*) names=("${(@)lines%%$'\t'*}") shown=("${(@)lines//$'\t'/  -- }")
		compadd -l -d shown -a names ;;
	esac
}
# Autoloaded from fpath, or sourced.
if [[ ${funcstack[1]-} = _coracle ]]; then _coracle; else compdef _coracle coracle; fi

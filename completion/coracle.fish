# fish completion for coracle: glue, the program itself knows the words.
function __coracle_complete
	set -l lines (coracle __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)
	switch "$lines[1]"
		case :files
			__fish_complete_path (commandline -ct)
		case :dirs
			__fish_complete_directories (commandline -ct)
		case '*'
			string join \n -- $lines
	end
end
complete -c coracle -f -a '(__coracle_complete)'

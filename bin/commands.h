/* commands.h - every command, in the order of the help.  Included with CMD()
 * defined; no include guard. */
CMD(run)
CMD(create)
CMD(start)
CMD(stop)
CMD(restart)

"""Makes the agents' manual pages from their meta-data; packaging/man-pages is the program.

described   an agent's meta-data, as objects
page        the sections of its manual page
examples    commands that create a resource of the agent
roff        text and layout in the language of man(7)
"""

"""`make soak`: random faults on one node that runs instances of several agents.

plan       the steps of a seed: always the same ones, whatever happens meanwhile
site       the node: instances with stand-in daemons, a broker, a database, bystanders
oracle     the real state of each instance, from psutil and the daemons' journals
verdicts   what monitor must return in that state
acts       what the steps do
play       runs the steps, and checks the agents' verdicts after each
__main__   the command
"""

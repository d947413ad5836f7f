"""`make soak`: one node on which things go wrong at random moments, and an agent for each service.

plan       the steps of a seed: the same ones each time, whatever is seen meanwhile
site       the node: instances over stand-in daemons, a broker and a database, bystanders
oracle     what there is of each instance, as psutil and the daemons' journals tell it
verdicts   what monitor must say then
acts       what the steps do
play       one step after the other, and after each: is what the agents say true?
__main__   the command
"""

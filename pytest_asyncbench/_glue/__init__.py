"""The glue: the only floor that knows pytest, where the others meet each other."""

"""What `tidegate bench` measures: the service under load, over its real wire, against a policy that checks nothing."""

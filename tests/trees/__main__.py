from tests.trees.run import main

main()

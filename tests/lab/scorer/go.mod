module scorer

go 1.25.0

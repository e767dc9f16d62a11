"""The least that Flask can answer: what `bench.serve` measures against."""

from flask import Flask

app = Flask("hello")


@app.get("/")
def hello() -> str:
    """Say hello."""
    return "hello"

"""Flask with flask-jwt-extended: what was revoked is kept in this process."""

import os

from flask import Flask, jsonify
from flask_jwt_extended import JWTManager, get_jwt_identity, jwt_required

app = Flask(__name__)
app.config.update(
    JWT_SECRET_KEY=os.environ["JWT_SECRET"],
    JWT_TOKEN_LOCATION=["cookies"],
    JWT_COOKIE_SECURE=False,
)
jwt = JWTManager(app)
revoked = set()


@jwt.token_in_blocklist_loader
def is_revoked(_header, payload):
    return payload["jti"] in revoked


@app.get("/protected")
@jwt_required()
def protected():
    return jsonify(logged_in_as=get_jwt_identity())

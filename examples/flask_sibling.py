"""A Flask service behind the login of `flask_sibling.rs`, which says how to run both.

It signs nobody in: it shares the secret, and takes the cookies that Portcullis has set.
"""

import os

from flask import Flask, jsonify
from flask_jwt_extended import JWTManager, get_jwt, get_jwt_identity, jwt_required

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = os.environ["JWT_SECRET_KEY"]
app.config["JWT_TOKEN_LOCATION"] = ["cookies"]
if os.environ.get("HTTPS") == "1":
    # Over HTTPS Portcullis puts `__Host-` before every name.
    app.config["JWT_COOKIE_SECURE"] = True
    app.config["JWT_ACCESS_COOKIE_NAME"] = "__Host-access_token_cookie"
    app.config["JWT_ACCESS_CSRF_COOKIE_NAME"] = "__Host-csrf_access_token"
JWTManager(app)


@app.get("/hello")
@jwt_required()
def hello():
    return jsonify(hello=get_jwt_identity(), roles=get_jwt()["roles"])


@app.post("/hello")
@jwt_required()  # asks for the header X-CSRF-TOKEN, with the value of the cookie csrf_access_token
def greet():
    return jsonify(greeted=get_jwt_identity())
